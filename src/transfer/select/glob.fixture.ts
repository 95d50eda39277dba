// Patterns, the trees they are tried on, and where our answer is on purpose not bash's.

/** One way to match: bash's `dotglob` and `nocaseglob` against our options. */
export type Mode = 'plain' | 'dotfiles' | 'any case'

function words(text: string): string[] {
  return text.trim().split(/\s+/)
}

/** Files of a tree, by the name of the tree. */
export const trees: Readonly<Record<string, readonly string[]>> = {
  // Names that hold glob characters, dots, spaces, other scripts and case.
  odd: [
    ...words(String.raw`
    a b ab abc a.js b.css A.js .env .a/b .a/.b ..c -x src/a.js src/a/b.js src/a/b/c.js src/.x/y.js
    src/a/.b.js x/y/z x.y.z a-b a+b (a) [a] {a} a] !x x,y foo foobar bar file1 file2 file10 file07
    1 12 é 日本.txt x1/a x2/a x3/b/a
  `),
    'a b',
  ],
  // A web site's build, as the README examples of other plugins think of it.
  site: words(String.raw`
    index.html about/index.html robots.txt .well-known/security.txt .htaccess css/site.css
    css/site.css.map js/app.js js/app.js.map js/vendor/lib.js img/logo.png img/icons/a.svg
    img/icons/b.svg tmp/a.tmp a.tmp tmp/sub/b.tmp src/index.js src/a/b.js src/a/b/c/d.js
    src/a/b.ts src/a/README.md LICENSE
  `),
}

/** Patterns for the tree `odd`; they are bash source as well. */
const oddPatterns = [
  ...words(String.raw`
  * ** **/* */* *.js **/*.js src/** src/**/* src/**/*.js src/*/*.js src/**/b.js **/b.js **/a
  **/a/** a* *a ? ?? ??? [ab] [!ab] [^ab] [a-c]* [!.]* []a]* a[]] *[[:digit:]] file[0-9]
  file{1,2} file{1..3} file{01..10} file{7..10} {a,b}.{js,css} {src,x}/** {a} \{a\}
  {src/**,x/**}/*.js {a,b a,b *.{js,css} .* .*/* .*/.* **/.* **/.*/* .a/* .a/** .[a-z]* [.]a
  {.a,x}/* {.*,*} ?(a)b @(a|b) @(a|b)* +(a|b) *(a|b) !(a) !(a|b) !(*.js) !(*.*) *.!(js)
  **/!(*.js) foo!(bar) !(foo)* !(foo)bar a?(b)?(c) x?/a x*/a x*/**/a x[12]/a **/x/** **/**
  **/**/*.js src/**/**/*.js a** **a s**/a.js s**/**.js *** src/*** -* \!x x\,y x,y a-b a+b \(a\)
  \[a\] [[]a] *é* é ?.txt ??.txt 日* ..* ..c *..* [a-c] [c-a] [[:alpha:]] [[:upper:]]*
  *[![:alpha:]] {a..c} {c..a} {a..c..2} {1..12..11} {,a}b a{,b} a{,b}{,c} {a,{b,ab}} {{a,b},ab}c
  {**/,}a.js **/{a,b}.js src/{a,a/b}/*.js src/{a,.x}/*.js @(src|x)/** +([a-z]) +([0-9]) *([0-9])
  file+([0-9]) !(file*) [a-z]*.[a-z]* *.? *.?? *.* *.*.* [!a-z]* [a\-c]* @(.a|x)/* @(*) ?(*)v
  ?(.)env ?(a).env +(.|e)nv @([!a])* *(.)* *(.a)/b @(@(.a|x)|y)/* a[!b]c **/[!a]* .[!.]* \.env
  [.!]x !(.*) !(.env) .!(env) *.env ?* *? **? ?** */*/* */*/** **/*/* */ **/ src/ src/*/ ./a
  ./*.js src//*.js [a a] **/b/* */**/*.js @(a|b)? @(a|b)?* [ab]? [0-9]+ @(a)+ @(?) @(??|b) ***(b)
  *!(a) a*@(*) [a] ?(a).js +(.|e)nv src/{a,}/*.js */**/!(a) src/**/@(*) src/**/!(a.js) *@(b|c) a@(b)@(c) x!(z)/a @(*)b !(a)!(b)
`),
  '*\\ *',
  'a\\ b',
]

/** Patterns for the tree `site`; the first line is from the README of drone-gcs and its kin. */
const sitePatterns = words(String.raw`
  src/**/*.js **/*.tmp */**/*.tmp tmp/**/*.tmp {css,js}/* {css,js}/** {css,js} **/*.{css,js}
  **/*.map !(*.map) **/!(*.map) **/*.!(map) img/icons/*.svg img/**/*.@(png|svg) **/index.html
  */index.html **/*.html .well-known/** {**,.well-known/**} .* **/.* .ht* [A-Z]* [[:upper:]]*
  **/[A-Z]* license LICENS[E] licens? **/*.JS **/README.* src/* src/*/* src/a/** src/**/b*
  src/**/b/** src/a/b.{js,ts} src/a/b.[jt]s src/a/b.?s js/*.js js/**/*.js j?/*
`)

/** What is tried on which tree. */
export const corpus: readonly (readonly [tree: string, patterns: readonly string[]])[] = [
  ['odd', oddPatterns],
  ['site', sitePatterns],
]

/** Why a pattern may differ from bash, and in which modes it does on its tree. */
export type Difference = { why: string; in: readonly Mode[] }

const everywhere: readonly Mode[] = ['plain', 'dotfiles', 'any case']

const folders = 'bash finds folders with a slash at the end; we take it for everything below them'
const literals =
  'bash does not look up words without glob characters, so `nocaseglob` passes them by'
const shortest = 'bash wants a character more where a star stands in front of a group'
const ascii = 'POSIX classes hold ASCII letters only'

/** Every difference there is; `glob.test.ts` fails for one that is not here, and for one that is gone. */
export const differences: Readonly<Record<string, Difference>> = {
  '*/': { why: folders, in: everywhere },
  '**/': { why: folders, in: everywhere },
  'src/': { why: folders, in: everywhere },
  'src/*/': { why: folders, in: everywhere },
  '!(foo)*': { why: 'bash lets the star match all of `foo`; we never match it', in: everywhere },
  '!(a)!(b)': {
    why: 'what follows `!(…)` is compared with what that left over at most',
    in: everywhere,
  },
  '*!(a)': { why: shortest, in: everywhere },
  'a*@(*)': { why: shortest, in: everywhere },
  '[c-a]': { why: 'bash finds nothing; we refuse a range that runs backwards', in: everywhere },
  '[[:alpha:]]': { why: ascii, in: everywhere },
  '*[![:alpha:]]': { why: ascii, in: everywhere },
  '[[:upper:]]*': { why: 'without case an upper-case class holds all letters', in: ['any case'] },
  '{a,b}.{js,css}': { why: literals, in: ['any case'] },
  '{**/,}a.js': { why: literals, in: ['any case'] },
  license: { why: literals, in: ['any case'] },
  '**/{a,b}.js': { why: literals, in: ['any case'] },
}
