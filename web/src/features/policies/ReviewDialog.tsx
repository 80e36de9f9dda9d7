import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Notice } from "../../ui/Notice";
import { Diff } from "./Diff";

type Props = {
  group: string;
  before: string | null;
  after: string;
  busy: boolean;
  error: string | null;
  onApply: () => void;
  onClose: () => void;
};

/** What will change, and for whom, before it does. */
export function ReviewDialog({ group, before, after, busy, error, onApply, onClose }: Props) {
  const same = before === after;
  return (
    <Dialog title={`Apply to the group “${group}”?`} onClose={onClose}>
      <p>
        {same
          ? "This is the group’s policy already; applying it changes nothing."
          : "Every connected device of the group gets it at once, and enforces it on the next access of micro-VMs that run now."}
      </p>
      {before === null ? (
        <p className="muted">It is the group’s first policy.</p>
      ) : (
        <Diff before={before} after={after} label="Changes" />
      )}
      {error !== null && (
        <Notice tone="bad" title="Not applied">
          {error}
        </Notice>
      )}
      <div className="actions">
        <Button onClick={onClose}>Go on editing</Button>
        <Button tone="primary" busy={busy} onClick={onApply}>
          Apply
        </Button>
      </div>
    </Dialog>
  );
}
