// What can be scrolled sideways can be reached by keyboard: whether it can is known only in the window.
const WIDE = ".picture, pre, .table-wrapper, .cell_output .output";
const reach = () => document.querySelectorAll(WIDE).forEach((part) => {
  if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
  else part.removeAttribute("tabindex");
});
reach();
addEventListener("resize", reach);
addEventListener("toggle", reach, true);
