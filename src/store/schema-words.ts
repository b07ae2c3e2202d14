// The tables and views of the contract, with a sentence per column.

/** Rows for `ctwhy query --schema`: table, column, type, sentence. */
export function schemaRows(): readonly (readonly string[])[] {
  return [];
}
