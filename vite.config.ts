import { defineConfig, type UserConfig } from "vite"

/** Builds the dashboard into what the service serves at `/`. */
const dashboard: UserConfig = {
  root: "src/dashboard",
  build: {
    outDir: "../../dist/dashboard",
    emptyOutDir: true,
    /** The first versions that know `light-dark()`; older targets would have it rewritten. */
    target: ["chrome123", "firefox120", "safari17.5"],
    /** Nothing becomes a `data:` address, and no script stands in the page: the Content-Security-Policy is strict. */
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false }
  }
}

/**
 * Builds the program and what it uses of its packages into a few files: loading Effect's modules one by one takes most of a
 * start, and most of the memory at rest.
 */
const program: UserConfig = {
  publicDir: false,
  ssr: { noExternal: true },
  build: {
    /** The dashboard stands there, too. */
    emptyOutDir: false,
    target: "node22",
    sourcemap: true,
    rolldownOptions: {
      input: "src/main.ts",
      output: { chunkFileNames: "[name].js", comments: false, sourcemapExcludeSources: true }
    }
  }
}

export default defineConfig(({ isSsrBuild }) => (isSsrBuild ? program : dashboard))
