// Swagger UI has a dark style for the class dark-mode; it follows the reader's system. ReDoc has none, and stays light.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
