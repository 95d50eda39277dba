// The one script of the dashboard: buttons that copy ids. Every page can be read and used without it.

/** The script itself, served as a file. */
export const pageScript = `'use strict'
for (const id of document.querySelectorAll('code.id')) {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'copy'
  button.textContent = 'Copy'
  button.setAttribute('aria-label', 'Copy ' + id.dataset.label)
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(id.dataset.value)
    button.textContent = 'Copied'
    setTimeout(() => { button.textContent = 'Copy' }, 1500)
  })
  id.after(button)
}
`
