/** Returns the rows of a CSV text with quoted fields (RFC 4180), keyed by its first line. */
export function rowsOf(text: string): readonly Readonly<Record<string, string>>[] {
  const [header = [], ...records] = recordsOf(text);
  return records.map((fields) =>
    Object.fromEntries(header.map((name, index) => [name, fields[index] ?? ""])),
  );
}

function recordsOf(text: string): readonly (readonly string[])[] {
  const records: string[][] = [];
  let fields: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(
    /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g,
  )) {
    fields.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    if (end === ",") continue;
    if (fields.length > 1) records.push(fields);
    fields = [];
  }
  return records;
}
