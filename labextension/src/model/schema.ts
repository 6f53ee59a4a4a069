/** What an unfilled form holds: a boolean is false rather than nothing. */
export function firstValue(schema: Record<string, unknown>): unknown {
  if (schema.default !== undefined) {
    return schema.default;
  }
  if (schema.type === 'boolean') {
    return false;
  }
  if (schema.type === 'object') {
    const parts = Object.entries(
      (schema.properties ?? {}) as Record<string, Record<string, unknown>>
    )
      .map(([name, part]) => [name, firstValue(part)])
      .filter(([, value]) => value !== undefined);
    return Object.fromEntries(parts);
  }
  return undefined;
}
