// A draft, tried on the server at every pause in typing: what is wrong with it, and what it would change.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import type { Finding } from "../../api/client";
import { tryQuery, type Effect } from "../../api/layers";
import { idsIn, isHere, placed } from "./layer";

const PAUSE_MS = 350;

function usePaused(text: string): string {
  const [paused, setPaused] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => {
      setPaused(text);
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [text]);
  return paused;
}

export type Check = {
  waiting: boolean; // the answer is about an older text
  findings: Finding[]; // refused for these
  notes: Finding[]; // accepted with these
  effect: Effect | null;
  refusal: Error | null; // it could not be tried: denied, managed elsewhere, no connection
};

const none: Finding[] = [];

export function useCheck(text: string): Check {
  const paused = usePaused(text);
  const answer = useQuery({ ...tryQuery({ document: paused }), placeholderData: keepPreviousData });
  const { effect = null, findings: found = none } = answer.error === null ? (answer.data ?? {}) : {};
  const ids = useMemo(() => idsIn(paused), [paused]);
  const findings = useMemo(() => found.map((one) => placed(one, ids)), [found, ids]);
  const notes = useMemo(() => (effect?.notes ?? none).map((one) => placed(one, ids)), [effect, ids]);
  return { waiting: paused !== text || answer.isFetching, findings, notes, effect, refusal: answer.error };
}

/** Those that can be shown in the text. */
export const inText = (findings: Finding[]) => findings.filter(isHere);
