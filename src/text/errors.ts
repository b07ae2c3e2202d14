// The errors that a person can do something about. Their messages say what was attempted, on what, what happened, what to do.

/** The words on the command line are wrong. hint: the line after it, e.g. the usage or a suggestion. */
export class UsageError extends Error {
  readonly hint: string | null;
  constructor(message: string, hint: string | null = null, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UsageError';
    this.hint = hint;
  }
}

/** Something could not be done, and it is nobody's bug: a missing file, an unreadable time in a bundle. */
export class FailedError extends Error {
  override readonly name = 'FailedError';
}

/** The host lacks what is needed. */
export class UnsupportedError extends Error {
  override readonly name = 'UnsupportedError';
}

/** Rights, a lock, a safety rule. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** The store cannot be used: corrupt, locked, from a newer version, in a folder that cannot be written. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

/** The host was changed only in part, or a change had to be taken back half-way; the message names both. */
export class PartlyChangedError extends Error {
  override readonly name = 'PartlyChangedError';
}
