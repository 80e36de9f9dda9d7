// Dark, light, or what the system says. Kept in this browser alone.
import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";
const KEY = "ampoule-theme";
const themes: readonly Theme[] = ["system", "light", "dark"];
const listeners = new Set<() => void>();

function stored(): Theme {
  const name = localStorage.getItem(KEY);
  return themes.find((theme) => theme === name) ?? "system";
}

function show(theme: Theme) {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

show(stored());

export function useTheme(): [Theme, (theme: Theme) => void] {
  const theme = useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, stored);
  const set = (next: Theme) => {
    localStorage.setItem(KEY, next);
    show(next);
    for (const listener of listeners) listener();
  };
  return [theme, set];
}
