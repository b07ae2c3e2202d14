// Every topic of ctwhy help, in the order in which people need them.

import { causesTopic } from './causes.js';
import { environmentTopic } from './environment.js';
import { exitCodesTopic } from './exit-codes.js';
import { formatsTopic } from './formats.js';
import { safetyTopic } from './safety.js';
import { symptomsTopic } from './symptoms.js';
import { timeTopic } from './time.js';
import type { Topic } from './topic.js';

export const TOPICS: readonly Topic[] = [
  symptomsTopic,
  causesTopic,
  formatsTopic,
  timeTopic,
  safetyTopic,
  environmentTopic,
  exitCodesTopic,
];
