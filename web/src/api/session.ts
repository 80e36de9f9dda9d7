// Who is signed in, and what he may do: the API decides, the console only leaves out what would be refused.
import { queryOptions } from "@tanstack/react-query";
import { ApiError, get, remove, send } from "./client";
import { PersonShort, Session as SessionParser } from "./generated/parsers";
import type { components } from "./generated/types";

export type Session = components["schemas"]["Session"];

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async ({ signal }): Promise<Session | null> => {
    try {
      return await get(SessionParser, "/session", {}, signal);
    } catch (reason) {
      if (reason instanceof ApiError && reason.status === 401) return null;
      throw reason;
    }
  },
  staleTime: 60_000,
});

export const signIn = (body: { name: string; password: string; code?: string }) =>
  send(SessionParser, "POST", "/session", body);
export const signOut = () => remove("/session");
export const setUp = (body: { link: string; name: string; password: string }) =>
  send(PersonShort, "POST", "/setup", body);
