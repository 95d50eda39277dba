// Finds pages and headings by words; everything is in search-index.js, and nothing is sent anywhere.
const root = document.currentScript.dataset.root
const field = document.querySelector('#search')
const list = document.querySelector('#found')
const mostShown = 12

const find = (words) =>
  window.pages
    .filter(({ title, text }) => {
      const all = `${title} ${text}`.toLowerCase()
      return words.every((word) => all.includes(word))
    })
    .slice(0, mostShown)

field.addEventListener('input', () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean)
  const found = words.length === 0 ? [] : find(words)
  list.replaceChildren(
    ...found.map(({ at, title, text }) => {
      const link = document.createElement('a')
      link.href = root + at
      link.textContent = text === title ? title : `${title} › ${text}`
      const item = document.createElement('li')
      item.append(link)
      return item
    }),
  )
  list.hidden = found.length === 0
})
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement === document.body) {
    event.preventDefault()
    field.focus()
  }
  if (event.key === 'Escape') list.hidden = true
})
