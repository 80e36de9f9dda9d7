import { queryOptions } from "@tanstack/react-query";
import { get, remove, type Query } from "../../api/client";
import { SessionPage } from "../../api/generated/parsers";
import { LIVE_MS, type Schemas } from "../../api/queries";

export type OneSession = Schemas["OneSession"];

export const sessionsQuery = (query: Query) =>
  queryOptions({
    queryKey: ["sessions", query],
    queryFn: ({ signal }) => get(SessionPage, "/sessions", { limit: 100, ...query }, signal),
    refetchInterval: LIVE_MS,
  });

export const endSession = (id: string) => remove(`/sessions/${encodeURIComponent(id)}`);

const browsers = ["Firefox", "Edg", "OPR", "Chrome", "Safari", "curl"];
const systems = ["Windows", "Android", "iPhone", "iPad", "Mac OS X", "CrOS", "Linux"];
const names: Record<string, string> = { Edg: "Edge", OPR: "Opera", CrOS: "ChromeOS", "Mac OS X": "macOS" };

/** A browser's long name for itself in two words. */
export function browserName(agent: string): string {
  const browser = browsers.find((word) => agent.includes(`${word}/`));
  const system = systems.find((word) => agent.includes(word));
  const said = [browser, system].filter((word) => word !== undefined).map((word) => names[word] ?? word);
  return said.length === 0 ? "something unknown" : said.join(" on ");
}
