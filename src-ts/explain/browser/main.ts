/** Puts the page together. */

const data = JSON.parse(byId('data').textContent ?? '') as PageData
document.querySelectorAll<HTMLElement>('.needs-script').forEach(element => (element.hidden = false))

const slider = byId<HTMLInputElement>('phi')
const parts = [new Coefficients(data.components), ...(data.relus.length > 0 ? [new Masks(data)] : [])]
const features = new Features(data.layers)

function showAll(): void {
  byId('phi-value').textContent = slider.value
  parts.forEach(part => part.show(Number(slider.value)))
}

slider.addEventListener('input', showAll)
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  showAll()
  features.redraw()
})
showAll()
