import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, type Query } from "../../api/client";
import { AuditPage as AuditPageParser, AuditReport } from "../../api/generated/parsers";
import { LIVE_MS, PAGE_ROWS, type Schemas } from "../../api/queries";
import type { Tone } from "../../ui/Badge";

export type Row = Schemas["AuditRow"];
export type Report = Schemas["AuditReport"];

export const auditQuery = (query: Query) =>
  queryOptions({
    queryKey: ["audit", query],
    queryFn: ({ signal }) =>
      get(AuditPageParser, "/audit", { order: "newest", limit: PAGE_ROWS, ...query }, signal),
    placeholderData: keepPreviousData,
    refetchInterval: query["after"] === undefined ? LIVE_MS : false,
  });

export const verify = (head: { sequence: string; mac: string }): Promise<Report> =>
  get(AuditReport, "/audit/verify", head.mac === "" ? {} : head);

export const outcomeTone: Record<Row["outcome"], Tone> = { done: "good", refused: "warn", failed: "bad" };

/** Who it was; a name that nobody has is not told from a program's token by its look alone. */
export function actorText({ actor, token, person }: Pick<Row, "actor" | "token" | "person">): string {
  if (actor === "") return "nobody signed in";
  return token !== "" && person === "" ? `${actor} (token)` : actor;
}

/** What a report means to whoever asked for it. */
export function reportSentence({ intact, rows, waiting, sequence, finding }: Report): string {
  const wait = waiting === 0 ? "" : ` ${waiting} more are written and not chained yet.`;
  if (intact)
    return `Each of ${rows.toLocaleString("en")} rows is as it was written, and none is missing.${wait}`;
  const where = sequence === 0 ? "" : ` The chain breaks at number ${sequence}.`;
  return `${finding}.${where} Rows in front of it are good: ${rows.toLocaleString("en")}.`;
}

export function pretty(value: unknown): string {
  return value === null || value === undefined ? "" : JSON.stringify(value, null, 2);
}
