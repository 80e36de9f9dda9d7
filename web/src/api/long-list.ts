// A list by keyset, as long as it is: chunk after chunk as one goes down it, and what is looked at kept fresh.
import { useInfiniteQuery, useQuery, type QueryKey } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { fresh, type Chunk } from "./chunks";
import { LIVE_MS } from "./queries";

export const CHUNK_ROWS = 200;

type Source<Row> = {
  key: QueryKey;
  fetch: (after: string | undefined, signal: AbortSignal) => Promise<Chunk<Row>>;
  idOf: (row: Row) => string;
  live: boolean;
};

export function useLongList<Row>({ key, fetch, idOf, live }: Source<Row>) {
  const [chunk, setChunk] = useState(0);
  const list = useInfiniteQuery({
    queryKey: ["long", ...key],
    queryFn: ({ pageParam, signal }) => fetch(pageParam === "" ? undefined : pageParam, signal),
    initialPageParam: "",
    getNextPageParam: (last: Chunk<Row>) => last.next,
    refetchOnWindowFocus: false,
    // A list that was left long ago begins anew; one that was just left is where it was.
    gcTime: 60_000,
    staleTime: 60_000,
  });
  const after = list.data?.pageParams[Math.min(chunk, list.data.pageParams.length - 1)];
  const now = useQuery({
    queryKey: ["long-now", ...key, after],
    queryFn: ({ signal }) => fetch(after === "" ? undefined : String(after), signal),
    enabled: live && list.data !== undefined,
    refetchInterval: live ? LIVE_MS : false,
    gcTime: 0,
  });
  const rows = useMemo(
    () => list.data && fresh(list.data.pages, live ? now.data : undefined, idOf, after === ""),
    [list.data, now.data, live, idOf, after],
  );
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const count = rows?.length ?? 0;
  const onSeen = useCallback(
    (first: number, last: number) => {
      setChunk(Math.floor(first / CHUNK_ROWS));
      if (hasNextPage && !isFetchingNextPage && last + CHUNK_ROWS / 2 > count) void fetchNextPage();
    },
    [hasNextPage, isFetchingNextPage, fetchNextPage, count],
  );
  return {
    rows,
    error: list.error,
    more: hasNextPage,
    onSeen,
    retry: () => void list.refetch(),
  };
}
