import type { ReactNode } from "react";

// Drawn on a 20 px grid with one stroke width; decoration beside words, never instead of them.
const icon = (path: ReactNode) => (
  <svg
    viewBox="0 0 20 20"
    width="18"
    height="18"
    fill="none"
    stroke="currentColor"
    strokeWidth="1.5"
    strokeLinecap="round"
    strokeLinejoin="round"
    aria-hidden="true"
  >
    {path}
  </svg>
);

export const icons = {
  overview: icon(<path d="M3 10.500 10 4l7 6.500M5 9.500V16h10V9.500M8.500 16v-3.500h3V16" />),
  devices: icon(<path d="M3 4.500h14v9H3zM7 16.500h6M10 13.500v3" />),
  events: icon(<path d="M3 5.500h2M3 10h2M3 14.500h2M8 5.500h9M8 10h9M8 14.500h6" />),
  policies: icon(
    <path d="M10 2.500 16 5v4.500c0 4-2.500 6.500-6 8-3.500-1.500-6-4-6-8V5zM7.500 10l1.800 1.800L12.700 8.500" />,
  ),
  images: icon(
    <path d="M10 2.500 16.500 6 10 9.500 3.500 6zM3.500 10l6.500 3.500 6.500-3.500M3.500 14l6.500 3.500 6.500-3.500" />,
  ),
  people: icon(
    <path d="M7.500 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.500 16.500c0-3 2-5 5-5s5 2 5 5M13 4a3 3 0 0 1 0 5.500M14.500 12c2 .6 3 2.300 3 4.500" />,
  ),
  sessions: icon(<path d="M3 4h14v9H3zM7 16.500h6M10 13v3.500M7.500 8.500l2 2 3.500-4" />),
  audit: icon(<path d="M5 3h7l3 3v11H5zM12 3v3h3M7.500 9.500h5M7.500 12h5M7.500 14.500h3" />),
  tokens: icon(
    <path d="M12.500 3a4.500 4.500 0 1 1-3.900 6.700L3 15.300V17h3v-2h2v-2l1.200-1.200M13.500 6.500h.01" />,
  ),
};

export const mark = (
  <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" className="mark">
    <path
      d="M9 2h6v2l-1 1v3.600l3.200 6.100a5 5 0 0 1-4.400 7.300h-1.600a5 5 0 0 1-4.400-7.300L10 8.600V5L9 4z"
      className="glass"
    />
    <path
      d="M8.600 14.500h6.800l.7 1.300a3.200 3.200 0 0 1-2.800 4.700h-2.600a3.200 3.200 0 0 1-2.800-4.700z"
      className="fluid"
    />
  </svg>
);
