import { Badge } from "../../ui/Badge";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Facts } from "../../ui/Facts";
import { Time } from "../../ui/Time";
import { visible } from "../../ui/visible";
import { actorText, outcomeTone, pretty, type Row } from "./audit";

type Props = { row: Row; onClose: () => void };

function Json({ label, value }: { label: string; value: unknown }) {
  const text = pretty(value);
  if (text === "") return null;
  return (
    <div>
      <h3>{label}</h3>
      <pre className="command" role="region" aria-label={label} tabIndex={0}>
        {text}
      </pre>
    </div>
  );
}

/** One row with all that was written: what was before, and what it became. */
export function RowDialog({ row, onClose }: Props) {
  return (
    <Dialog title={visible(row.action)} onClose={onClose} wide>
      <div className="stack">
        <Facts
          facts={[
            ["Who", visible(actorText(row))],
            ["When", <Time key="at" at={row.at} full />],
            [
              "Outcome",
              <Badge key="o" tone={outcomeTone[row.outcome]}>
                {row.outcome}
                {row.code !== "" && ` (${row.code})`}
              </Badge>,
            ],
            ["Object", row.object === "" ? "—" : visible(row.object)],
            ["From", visible(row.address)],
            ["Request", <code key="r">{row.request}</code>],
            ["Times", row.count.toLocaleString("en")],
          ]}
        />
        <Json label="Before" value={row.was} />
        <Json label="After" value={row.became} />
      </div>
      <div className="actions">
        <Button onClick={onClose}>Close</Button>
      </div>
    </Dialog>
  );
}
