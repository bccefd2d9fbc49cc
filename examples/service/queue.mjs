// Pictures that come while the model is busy go through it together. Of the paper's network that makes twice as many requests
// a second where 32 come at a time, of a ResNet-18 a third more, and one alone waits for nothing.

/** Joins calls of one picture each to one stream of a model. */
export class Queue {
  #waiting = []
  #asked = []
  #wake = () => {}
  #ended = false
  #failure
  #answering

  constructor(model, options) {
    this.#answering = this.#answer(model.predictEach(this.#pictures(), options))
  }

  /** The prediction of a picture. One whose signal aborts before its turn is left out. */
  classify(picture, signal) {
    if (this.#failure) throw this.#failure
    return new Promise((resolve, reject) => {
      this.#waiting.push({ picture, signal, resolve, reject })
      this.#wake()
    })
  }

  /** Resolves when all that wait have their answers. */
  end() {
    this.#ended = true
    this.#failure ??= new Error('the queue has ended')
    this.#wake()
    return this.#answering
  }

  async *#pictures() {
    for (;;) {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
        if (next.signal.aborted) next.reject(next.signal.reason)
        else {
          this.#asked.push(next)
          yield next.picture
        }
      }
      if (this.#ended) return
      await new Promise(resolve => (this.#wake = resolve))
    }
  }

  async #answer(answers) {
    try {
      for await (const answer of answers) {
        const { resolve, reject } = this.#asked.shift()
        if (answer.error) reject(answer.error)
        else resolve(answer)
      }
    } catch (error) {
      // A bad picture has its own answer: what ends the stream is the model's failure, and nobody shall wait for it.
      this.#failure = error
      for (const { reject } of [...this.#asked, ...this.#waiting]) reject(error)
    }
  }
}
