import { useId, type ReactNode } from "react";

type Props = {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  children: (attributes: { id: string; "aria-describedby": string; "aria-invalid": boolean }) => ReactNode;
};

/** A labelled control with its hint and what is wrong with it. */
export function Field({ label, hint, error, children }: Props) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-describedby": `${id}-about`, "aria-invalid": error !== undefined })}
      <div id={`${id}-about`} className={error === undefined ? "hint" : "hint wrong"}>
        {error ?? hint}
      </div>
    </div>
  );
}
