import { defineConfig } from "@playwright/test";

// tests/system/test_console.sh starts the server and names it here.
export default defineConfig({
  testDir: "e2e",
  outputDir: "../build/web/e2e",
  workers: 1,
  timeout: 420_000,
  expect: { timeout: 30_000 },
  reporter: [["list"]],
  use: {
    baseURL: process.env["CONSOLE_URL"] ?? "https://127.0.0.1:8443",
    // The server's CA is made on the spot; that the certificate is right is tested with curl and its CA.
    ignoreHTTPSErrors: true,
    viewport: { width: 1280, height: 860 },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    launchOptions: {
      executablePath: "/usr/bin/chromium",
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
});
