import type { ReactNode } from "react";

type Props = {
  tone?: "info" | "good" | "warn" | "bad";
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  quiet?: boolean;
};

/** Something to know before going on. What went wrong is announced to screen readers at once, unless it is
 *  quiet: where it follows every pause in typing, a status elsewhere says so. */
export function Notice({ tone = "info", title, children, action, quiet = false }: Props) {
  return (
    <div
      className={`notice ${tone}`}
      role={quiet ? "group" : tone === "bad" ? "alert" : "status"}
      aria-label={quiet ? title : undefined}
    >
      <div>
        <strong>{title}</strong>
        {children !== undefined && <div>{children}</div>}
      </div>
      {action}
    </div>
  );
}
