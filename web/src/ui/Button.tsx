import type { ButtonHTMLAttributes } from "react";

type Props = ButtonHTMLAttributes<HTMLButtonElement> & {
  tone?: "plain" | "primary" | "danger" | "quiet";
  busy?: boolean;
};

/** A button; while busy it stays focusable and does nothing. */
export function Button({ tone = "plain", busy = false, type = "button", onClick, children, ...rest }: Props) {
  return (
    <button
      {...rest}
      type={type}
      className={`button ${tone}`}
      aria-busy={busy}
      onClick={
        busy
          ? (event) => {
              event.preventDefault();
            }
          : onClick
      }
    >
      {children}
    </button>
  );
}
