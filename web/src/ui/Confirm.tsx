import { useMutation, useQueryClient, type QueryKey } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { Notice } from "./Notice";

type Props = {
  title: string;
  /** What will happen. */
  children: ReactNode;
  /** Does it. */
  act: () => Promise<unknown>;
  /** What is out of date afterwards. */
  stale: QueryKey;
  /** The words of the two buttons, and of the notice when it was refused. */
  keep: string;
  go: string;
  refused: string;
  /** Of the button that does it. */
  tone?: "danger" | "primary";
  onClose: () => void;
};

/** Asks before something is done, says what will happen, and why it was refused. */
export function Confirm({ title, children, act, stale, keep, go, refused, tone = "danger", onClose }: Props) {
  const queryClient = useQueryClient();
  const deed = useMutation({
    mutationFn: act,
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: stale });
      onClose();
    },
  });
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      {deed.error !== null && (
        <Notice tone="bad" title={refused}>
          {deed.error.message}
        </Notice>
      )}
      <div className="actions">
        <Button onClick={onClose}>{keep}</Button>
        <Button
          tone={tone}
          busy={deed.isPending}
          onClick={() => {
            deed.mutate();
          }}
        >
          {go}
        </Button>
      </div>
    </Dialog>
  );
}
