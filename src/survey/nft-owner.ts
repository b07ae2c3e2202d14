// Can a table be made here that the kernel drops when the process that made it is gone?

import type { ReadHost } from '../host/host.js';

/** NULL: it can; otherwise why not, as the end of a sentence. */
export async function whyNoOwner(host: ReadHost): Promise<string | null> {
  const [major = 0, minor = 0] = host.identity().kernelRelease.split('.').map(Number);
  // net/netfilter/nf_tables_api.c: NFT_TABLE_F_OWNER, v5.12.
  if (major < 5 || (major === 5 && minor < 12)) return 'tables with an owner came with kernel 5.12';
  if (host.find('nft') === null) return 'nft is not installed';
  const said = (await host.run('nft', ['-V'], { timeoutMs: 5000 }).catch(() => null))?.stdout ?? '';
  const version = /v(\d+)\.(\d+)/.exec(said);
  if (version === null || Number(version[1]) < 1) return 'this nft is older than 1.0';
  if (/^\s*cli:\s*no\b/m.test(said)) return 'this nft was built without a prompt, which would have to hold the table';
  return null;
}
