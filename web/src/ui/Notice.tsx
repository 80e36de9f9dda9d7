import type { ReactNode } from "react";

type Props = {
  tone?: "info" | "good" | "warn" | "bad";
  title: string;
  children?: ReactNode;
  action?: ReactNode;
};

/** Something to know before going on. What went wrong is announced to screen readers at once. */
export function Notice({ tone = "info", title, children, action }: Props) {
  return (
    <div className={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <div>
        <strong>{title}</strong>
        {children !== undefined && <div>{children}</div>}
      </div>
      {action}
    </div>
  );
}
