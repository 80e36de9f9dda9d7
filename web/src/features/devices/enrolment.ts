// How a device is enrolled: the token is pasted into the program, never put on a command line.
import { queryOptions } from "@tanstack/react-query";
import { LIVE_MS, type Schemas } from "../../api/queries";
import { get, send } from "../../api/client";
import { DevicePage, TokenMade } from "../../api/generated/parsers";

export type Draft = { group: string; uses: number; ttl_s: number };

export const lifetimes: [string, number][] = [
  ["1 hour", 3600],
  ["1 day", 86_400],
  ["7 days", 604_800],
];

export const makeToken = (draft: Draft): Promise<Schemas["TokenMade"]> =>
  send(TokenMade, "POST", "/tokens", { kind: "enrol", ...draft });

export const joinedQuery = (token: string) =>
  queryOptions({
    queryKey: ["devices", "joined", token],
    queryFn: ({ signal }) => get(DevicePage, "/devices", { token, limit: 100 }, signal),
    refetchInterval: LIVE_MS,
  });

export const command = "sudo ampoule-agent enroll";
