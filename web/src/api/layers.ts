// The documents that policies are made of: asked for, tried without storing anything, and changed.
import { queryOptions } from "@tanstack/react-query";
import { ApiError, get, send, type Finding, type Query } from "./client";
import { Groups, Layers, LayersChanged, PolicyDiff, PolicyRules } from "./generated/parsers";
import type { Schemas } from "./queries";

export type Layer = Schemas["Layer"];
export type Change = Schemas["PolicyChange"];
export type Effect = Schemas["LayersChanged"];
export type Wanted = Pick<Schemas["LayersChange"], "document" | "remove" | "managed">;

export const layersQuery = queryOptions({
  queryKey: ["layers"],
  queryFn: ({ signal }) => get(Layers, "/layers", {}, signal),
});

export const layerQuery = (id: string) =>
  queryOptions({
    queryKey: ["layers", id],
    queryFn: ({ signal }) => get(Layers, `/layers/${encodeURIComponent(id)}`, {}, signal),
  });

export type Tried = { effect: Effect | null; findings: Finding[] };

/** What would become of it, or what it is refused for; nothing is stored. Kept no longer than it is looked at. */
export const tryQuery = (wanted: Wanted) =>
  queryOptions({
    queryKey: ["layers-try", wanted],
    queryFn: async (): Promise<Tried> => {
      try {
        const effect = await send(LayersChanged, "POST", "/layers", { ...wanted, dry: 1 });
        return { effect, findings: [] };
      } catch (reason) {
        if (reason instanceof ApiError && reason.findings.length > 0)
          return { effect: null, findings: reason.findings };
        throw reason;
      }
    },
    gcTime: 0,
    retry: false,
    refetchOnWindowFocus: false,
  });

export const changeLayers = (wanted: Wanted): Promise<Effect> =>
  send(LayersChanged, "POST", "/layers", wanted);

export const groupsQuery = queryOptions({
  queryKey: ["groups"],
  queryFn: ({ signal }) => get(Groups, "/groups", {}, signal),
});

export const rulesQuery = (query: Query) =>
  queryOptions({
    queryKey: ["policy-rules", query],
    queryFn: ({ signal }) => get(PolicyRules, "/policy-rules", query, signal),
  });

export const diffQuery = (query: Query) =>
  queryOptions({
    queryKey: ["policy-diff", query],
    queryFn: ({ signal }) => get(PolicyDiff, "/policy-diff", query, signal),
    retry: false,
  });
