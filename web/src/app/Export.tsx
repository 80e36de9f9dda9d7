import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { Chunk } from "../api/chunks";
import { EXPORT_MAX, csv, everyRow, ndjson, type Form } from "../api/export";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Notice } from "../ui/Notice";

type Props<Row> = {
  name: string;
  fetch: (after: string | undefined, signal: AbortSignal) => Promise<Chunk<Row>>;
};

function save(text: string, name: string, type: string) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

/** Saves the list as it is filtered now, every row of it and not only those on the page. */
export function Export<Row extends object>({ name, fetch }: Props<Row>) {
  const [open, setOpen] = useState(false);
  const [count, setCount] = useState(0);
  const stop = useRef<AbortController | null>(null);
  const work = useMutation({
    mutationFn: async (form: Form) => {
      stop.current = new AbortController();
      const rows = await everyRow(fetch, stop.current.signal, setCount);
      const type = form === "csv" ? "text/csv" : "application/x-ndjson";
      save(form === "csv" ? csv(rows) : ndjson(rows), `${name}.${form}`, type);
      return rows.length;
    },
  });
  const close = () => {
    stop.current?.abort();
    work.reset();
    setCount(0);
    setOpen(false);
  };
  const begin = (form: Form) => (
    <Button
      tone="primary"
      busy={work.isPending}
      onClick={() => {
        setCount(0);
        work.mutate(form);
      }}
    >
      {form.toUpperCase()}
    </Button>
  );
  return (
    <>
      <Button
        onClick={() => {
          setOpen(true);
        }}
      >
        Export
      </Button>
      {open && (
        <Dialog title={`Export ${name}`} onClose={close}>
          <div className="stack">
            <p>
              Every row that the filters select, at most {EXPORT_MAX.toLocaleString("en")}. In CSV, text that
              a spreadsheet would take for a formula begins with an apostrophe.
            </p>
            <p role="status">
              {work.isPending && `${count.toLocaleString("en")} rows so far …`}
              {work.data !== undefined && `${work.data.toLocaleString("en")} rows are in the file.`}
            </p>
            {work.error !== null && (
              <Notice tone="bad" title="Not exported">
                {work.error.message}
              </Notice>
            )}
          </div>
          <div className="actions">
            <Button onClick={close}>{work.isPending ? "Stop" : "Close"}</Button>
            {begin("ndjson")}
            {begin("csv")}
          </div>
        </Dialog>
      )}
    </>
  );
}
