import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError } from "../api/client";
import { sessionQuery } from "../api/session";

// Whatever answers 401 means that the session has ended: asking who is signed in then shows the sign-in page.
const onError = (reason: Error, key?: unknown) => {
  if (reason instanceof ApiError && reason.status === 401 && key !== "session")
    void queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey });
};

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (reason, query) => {
      onError(reason, query.queryKey[0]);
    },
  }),
  mutationCache: new MutationCache({
    onError: (reason) => {
      onError(reason);
    },
  }),
  defaultOptions: {
    queries: {
      // Being refused does not change by asking again at once.
      retry: (count, reason) =>
        count < 2 && reason instanceof ApiError && (reason.status === 0 || reason.status >= 500),
      throwOnError: false,
    },
  },
});
