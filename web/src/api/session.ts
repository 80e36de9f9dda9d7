// Who is signed in, and what he may do: the API decides, the console only leaves out what would be refused.
import { queryOptions } from "@tanstack/react-query";
import * as v from "valibot";
import { ApiError, get, remove, send } from "./client";

export const Session = v.object({
  person: v.object({
    id: v.string(),
    name: v.string(),
    roles: v.array(v.object({ role: v.string(), groups: v.union([v.literal("all"), v.array(v.string())]) })),
  }),
  expires: v.string(),
  idle_seconds: v.number(),
});
export type Session = v.InferOutput<typeof Session>;

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async ({ signal }): Promise<Session | null> => {
    try {
      return await get(Session, "/session", {}, signal);
    } catch (reason) {
      if (reason instanceof ApiError && reason.status === 401) return null;
      throw reason;
    }
  },
  staleTime: 60_000,
});

export const signIn = (body: { name: string; password: string; code?: string }) =>
  send(Session, "POST", "/session", body);
export const signOut = () => remove("/session");
export const setUp = (body: { link: string; name: string; password: string }) =>
  send(v.unknown(), "POST", "/setup", body);
