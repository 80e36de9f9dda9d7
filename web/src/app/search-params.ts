// What stands behind "?" in an address: words, never numbers or JSON. A group may be called "12", or "true".
export function parseSearch(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text));
}

export function stringifySearch(search: Record<string, unknown>): string {
  const words = Object.entries(search).filter(([, word]) => word !== undefined && word !== "");
  const text = new URLSearchParams(words.map(([name, word]) => [name, String(word)])).toString();
  return text === "" ? "" : `?${text}`;
}
