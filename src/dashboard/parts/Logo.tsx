export const Logo = () => (
  <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="8" />
    <path d="M19 8v11.5a4.5 4.5 0 0 1-9 0" />
    <circle cx="24" cy="9" r="2.2" />
  </svg>
)
