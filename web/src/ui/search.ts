// Parameters of the address, some of them set or (undefined) taken out.
export type Changes = Record<string, string | undefined>;

export function changed(old: Changes, changes: Changes): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...old, ...changes }))
    if (value !== undefined && value !== "") kept[name] = value;
  return kept;
}
