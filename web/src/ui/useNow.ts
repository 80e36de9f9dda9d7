// One clock for all times on the page.
import { useSyncExternalStore } from "react";

let now = Date.now();
const listeners = new Set<() => void>();
setInterval(() => {
  now = Date.now();
  for (const listener of listeners) listener();
}, 5000);
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** Milliseconds since 1970, a few seconds exact; a component that uses it is shown again as it goes on. */
export const useNow = () => useSyncExternalStore(subscribe, () => now);
