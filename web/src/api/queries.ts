// The queries that more than one page asks, and how often they ask again while they are looked at.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
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

export const devicesQuery = (query: Query, live = true) =>
  queryOptions({
    queryKey: ["devices", query],
    queryFn: ({ signal }) => get(DevicePage, "/devices", { limit: PAGE_ROWS, ...query }, signal),
    placeholderData: keepPreviousData,
    refetchInterval: live ? LIVE_MS : false,
  });

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
