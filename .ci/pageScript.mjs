// The script of an explanation's page as a module: text in a program, so that bundlers find it as they find all else.
import { readFileSync, writeFileSync } from 'node:fs'

const folder = new URL('../dist/explain/', import.meta.url)

// The parts share their names, so they come one after the other.
const parts = ['dct', 'draw', 'blockPicker', 'coefficients', 'masks', 'features', 'main']
const texts = parts.map(part => readFileSync(new URL(`browser/${part}.js`, folder), 'utf8'))
const script = `(() => {\n'use strict'\n${texts.join('\n')}\n})()`

writeFileSync(new URL('pageScript.js', folder), `export const PAGE_SCRIPT = ${JSON.stringify(script)}\n`)
writeFileSync(new URL('pageScript.d.ts', folder), 'export declare const PAGE_SCRIPT: string\n')
