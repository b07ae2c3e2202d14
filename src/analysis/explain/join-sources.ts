// Places in files, said once: neighbours as a run, others as a list.

/** 'kern.log:2' and 'kern.log:4' become 'kern.log:2,4'; neighbours 'kern.log:1-3'. */
export function joinSources(sources: readonly string[]): string {
  const byFile = new Map<string, number[]>();
  for (const source of sources) {
    const at = source.lastIndexOf(':');
    const line = Number(source.slice(at + 1));
    const file = at > 0 && Number.isInteger(line) ? source.slice(0, at) : source;
    const lines = byFile.get(file) ?? [];
    if (file !== source) lines.push(line);
    byFile.set(file, lines);
  }
  return [...byFile]
    .map(([file, lines]) => {
      const sorted = [...new Set(lines)].sort((a, b) => a - b);
      if (sorted.length === 0) return file;
      const isRun = sorted.length > 1 && sorted.at(-1)! - sorted[0]! === sorted.length - 1;
      const shown = isRun
        ? `${sorted[0]}-${sorted.at(-1)}`
        : sorted.length > 4
          ? `${sorted.slice(0, 3).join(',')}…${sorted.at(-1)}`
          : sorted.join(',');
      return `${file}:${shown}`;
    })
    .join(' ');
}
