// The queries that more than one page asks, and how often they ask again while they are looked at.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { Chunk } from "./chunks";
import { get, type Query } from "./client";
import {
  Device,
  DevicePage,
  EventPage,
  ImageKeys,
  ImagePage,
  Overview,
  PolicyFull,
  PolicyPage,
  TokenPage,
} from "./generated/parsers";
import type { components } from "./generated/types";

export type Schemas = components["schemas"];

export const LIVE_MS = 3000;
export const PAGE_ROWS = 50;

export const overviewQuery = queryOptions({
  queryKey: ["overview"],
  queryFn: ({ signal }) => get(Overview, "/overview", {}, signal),
  refetchInterval: LIVE_MS,
});

// A list of events always says where it goes on; one that was not filled is at its end for now.
const chunkOf = <Row>(rows: Row[], next: string | null, limit: number): Chunk<Row> => ({
  rows,
  next: rows.length < limit ? null : next,
});

type Fetch<Row> = (after: string | undefined, signal: AbortSignal) => Promise<Chunk<Row>>;

export const deviceChunks =
  (query: Query, limit: number): Fetch<Schemas["Device"]> =>
  async (after, signal) => {
    const { devices, next } = await get(DevicePage, "/devices", { ...query, limit, after }, signal);
    return chunkOf(devices, next, limit);
  };

export const eventChunks =
  (query: Query, limit: number): Fetch<Schemas["Event"]> =>
  async (after, signal) => {
    const order = "newest";
    const { events, next } = await get(EventPage, "/events", { order, ...query, limit, after }, signal);
    return chunkOf(events, next, limit);
  };

export const deviceQuery = (id: string) =>
  queryOptions({
    queryKey: ["device", id],
    queryFn: ({ signal }) => get(Device, `/devices/${encodeURIComponent(id)}`, {}, signal),
    refetchInterval: LIVE_MS,
  });

export const eventsQuery = (query: Query, live: boolean) =>
  queryOptions({
    queryKey: ["events", query],
    queryFn: ({ signal }) =>
      get(EventPage, "/events", { order: "newest", limit: PAGE_ROWS, ...query }, signal),
    placeholderData: keepPreviousData,
    refetchInterval: live ? LIVE_MS : false,
  });

// A cursor stands behind its event; the newest one before the next id is the event itself.
export const eventQuery = (cursor: string) =>
  queryOptions({
    queryKey: ["event", cursor],
    queryFn: async ({ signal }) => {
      const [epoch = "", transaction = "", id = ""] = cursor.split("-");
      const after = `${epoch}-${transaction}-${(BigInt(id) + 1n).toString()}`;
      const page = await get(EventPage, "/events", { order: "newest", limit: 1, after }, signal);
      return page.events.find((event) => event.cursor === cursor) ?? null;
    },
    staleTime: Infinity,
  });

export const policiesQuery = (query: Query) =>
  queryOptions({
    queryKey: ["policies", query],
    queryFn: ({ signal }) => get(PolicyPage, "/policies", { limit: PAGE_ROWS, ...query }, signal),
    placeholderData: keepPreviousData,
  });

export const policyQuery = (group: string, serial: string) =>
  queryOptions({
    queryKey: ["policy", group, serial],
    queryFn: ({ signal }) => get(PolicyFull, `/policies/${encodeURIComponent(serial)}`, { group }, signal),
    staleTime: serial === "newest" ? 0 : Infinity,
  });

export const imagesQuery = (query: Query) =>
  queryOptions({
    queryKey: ["images", query],
    queryFn: ({ signal }) => get(ImagePage, "/images", { limit: PAGE_ROWS, ...query }, signal),
    placeholderData: keepPreviousData,
    refetchInterval: LIVE_MS,
  });

export const imageKeysQuery = queryOptions({
  queryKey: ["image-keys"],
  queryFn: ({ signal }) => get(ImageKeys, "/image-keys", {}, signal),
});

export const tokensQuery = (query: Query) =>
  queryOptions({
    queryKey: ["tokens", query],
    queryFn: ({ signal }) => get(TokenPage, "/tokens", { limit: PAGE_ROWS, ...query }, signal),
    placeholderData: keepPreviousData,
  });
