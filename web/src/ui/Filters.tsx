import { useNavigate } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { Button } from "./Button";
import { Field } from "./Field";
import { changed } from "./search";

type Filter = { name: string; label: string; options?: readonly string[] };
type Props = { fields: Filter[]; values: Record<string, string | undefined>; children?: ReactNode };

/** A text filter counts when Enter is pressed or it is left, so that no half word is asked for. */
function Text({
  value,
  onSet,
  ...attributes
}: {
  id: string;
  value: string;
  onSet: (value: string) => void;
}) {
  const [draft, setDraft] = useState(value);
  return (
    <input
      {...attributes}
      value={draft}
      maxLength={64}
      placeholder="any"
      onChange={(event) => {
        setDraft(event.target.value);
      }}
      onBlur={() => {
        if (draft !== value) onSet(draft);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter") onSet(draft);
      }}
    />
  );
}

/** Filters whose values stand in the address: a filtered list can be sent to someone. */
export function Filters({ fields, values, children }: Props) {
  const navigate = useNavigate();
  const set = (name: string, value: string) =>
    void navigate({
      to: ".",
      search: (old) => changed(old, { [name]: value.trim(), after: undefined }),
    });
  const any = fields.some(({ name }) => values[name] !== undefined);
  return (
    <div className="filters" role="search">
      {fields.map(({ name, label, options }) => (
        <Field key={name} label={label}>
          {(attributes) =>
            options === undefined ? (
              <Text
                key={values[name] ?? ""}
                {...attributes}
                value={values[name] ?? ""}
                onSet={(value) => {
                  set(name, value);
                }}
              />
            ) : (
              <select
                {...attributes}
                value={values[name] ?? ""}
                onChange={(event) => {
                  set(name, event.target.value);
                }}
              >
                <option value="">any</option>
                {options.map((option) => (
                  <option key={option}>{option}</option>
                ))}
              </select>
            )
          }
        </Field>
      ))}
      {any && (
        <Button tone="quiet" onClick={() => void navigate({ to: ".", search: {} })}>
          Clear
        </Button>
      )}
      {children !== undefined && <div className="end">{children}</div>}
    </div>
  );
}
