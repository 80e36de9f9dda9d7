import { useId, type ReactNode } from "react";

type Props = { title: string; aside?: ReactNode; children: ReactNode; flush?: boolean };

/** A titled part of a page; flush ones let a table reach their edges. */
export function Panel({ title, aside, children, flush = false }: Props) {
  const id = useId();
  return (
    <section className={flush ? "panel flush" : "panel"} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
