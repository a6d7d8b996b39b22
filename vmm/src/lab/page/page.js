"use strict";
// A click on a variant's name hides it in its section, another shows it again.
for (const button of document.querySelectorAll(".legend button")) {
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    const marks = button.closest("section").querySelectorAll(".n" + button.dataset.variant);
    for (const mark of marks) {
      if (mark !== button) mark.classList.toggle("hidden", !shown);
    }
  });
}
document.documentElement.dataset.ready = "yes";
