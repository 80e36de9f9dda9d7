import { useState } from "react";
import { Badge, type Tone } from "../ui/Badge";
import { Bars } from "../ui/Bars";
import { Button } from "../ui/Button";
import { DataTable } from "../ui/DataTable";
import { Dialog } from "../ui/Dialog";
import { Empty } from "../ui/Empty";
import { Facts } from "../ui/Facts";
import { Failure } from "../ui/Failure";
import { Field } from "../ui/Field";
import { Guest } from "../ui/Guest";
import { Notice } from "../ui/Notice";
import { Page } from "../ui/Page";
import { Panel } from "../ui/Panel";
import "./components.css";

const colours = [
  "bg",
  "panel",
  "sunken",
  "line",
  "line-strong",
  "ink",
  "ink-2",
  "accent",
  "accent-soft",
  "good",
  "good-soft",
  "warn",
  "warn-soft",
  "bad",
  "bad-soft",
  "info",
  "info-soft",
];
const tones: Tone[] = ["plain", "good", "info", "warn", "bad"];
const denied = Object.assign(new Error("This needs the role “admin”; yours is “viewer”."), {
  status: 403,
  code: "forbidden",
});
const broken = Object.assign(new Error("The database cannot serve this now."), {
  status: 503,
  code: "unavailable",
  request: "c0ffee",
});
const columns = [
  { header: "Column", cell: () => "a row" },
  { header: "Another", cell: () => "of the table" },
];
const nothing = () => undefined;

function TableState({
  title,
  rows,
  error,
}: {
  title: string;
  rows: string[] | undefined;
  error: Error | null;
}) {
  return (
    <Panel title={title} flush>
      <DataTable
        label={title}
        columns={columns}
        rows={rows}
        rowKey={(row) => row}
        error={error}
        onRetry={nothing}
        empty={<Empty title="Nothing here yet">It says how to get something.</Empty>}
      />
    </Panel>
  );
}

/** The parts that the pages are made of, in every state. */
export function ComponentsPage() {
  const [open, setOpen] = useState(false);
  return (
    <Page title="Components" lead="The console’s tokens and parts, each state of them. Nothing here is data.">
      <div className="stack">
        <Panel title="Colours">
          <ul className="swatches">
            {colours.map((name) => (
              <li key={name}>
                <span className={`swatch c-${name}`} />
                {name}
              </li>
            ))}
          </ul>
        </Panel>
        <div className="columns">
          <Panel title="Buttons">
            <div className="actions">
              <Button
                tone="primary"
                onClick={() => {
                  setOpen(true);
                }}
              >
                Open a dialog
              </Button>
              <Button>Plain</Button>
              <Button tone="danger">Danger</Button>
              <Button tone="quiet">Quiet</Button>
              <Button busy>Busy</Button>
            </div>
          </Panel>
          <Panel title="Badges">
            <div className="actions">
              {tones.map((tone) => (
                <Badge key={tone} tone={tone}>
                  {tone}
                </Badge>
              ))}
            </div>
          </Panel>
          <Panel title="Fields">
            <div className="stack">
              <Field label="Name" hint="A hint says what it is for.">
                {(attributes) => <input {...attributes} />}
              </Field>
              <Field label="Wrong" error="Says what would be right.">
                {(attributes) => <input {...attributes} defaultValue="?" />}
              </Field>
            </div>
          </Panel>
          <Panel title="Facts and guests’ text">
            <Facts
              facts={[
                ["Plain", <Guest key="p" text="/home/user1/report.pdf" />],
                ["Hostile", <Guest key="h" text={"\u202egnp.exe\u0000"} />],
                ["None", <Guest key="n" text="" />],
              ]}
            />
          </Panel>
        </div>
        {(["info", "good", "warn", "bad"] as const).map((tone) => (
          <Notice key={tone} tone={tone} title={`A notice: ${tone}`}>
            It says what to know before going on.
          </Notice>
        ))}
        <div className="columns">
          <TableState title="Table: rows" rows={["a", "b"]} error={null} />
          <TableState title="Table: loading" rows={undefined} error={null} />
          <TableState title="Table: empty" rows={[]} error={null} />
          <TableState title="Table: denied" rows={undefined} error={denied} />
          <TableState title="Table: failed" rows={undefined} error={broken} />
          <Panel title="A failure">
            <Failure error={broken} onRetry={nothing} />
          </Panel>
        </div>
        <Panel title="Bars">
          <Bars
            solid="refused"
            hollow="recorded"
            bars={[3, 8, 2, 0, 5, 13, 4].map((n, at) => ({ label: `${at}:00`, solid: n, hollow: at }))}
          />
        </Panel>
      </div>
      {open && (
        <Dialog
          title="Do it?"
          onClose={() => {
            setOpen(false);
          }}
        >
          <p>A dialog names what will happen.</p>
          <div className="actions">
            <Button
              onClick={() => {
                setOpen(false);
              }}
            >
              Leave it
            </Button>
            <Button
              tone="danger"
              onClick={() => {
                setOpen(false);
              }}
            >
              Do it
            </Button>
          </div>
        </Dialog>
      )}
    </Page>
  );
}
