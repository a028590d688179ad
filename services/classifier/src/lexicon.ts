/**
 * The words and pairs of words by which features are counted. They are English and lower case. A word
 * may count for several features.
 */
const words = {
  /** Words that ask for a program, or for the repair of one. */
  codeWanted: `code coding program programming script function method api endpoint sql query
    regex algorithm implementation implement refactor debug compile compiler snippet middleware
    component unittest pytest dockerfile makefile dataframe webserver backend frontend bug exception
    stacktrace cli library framework module package server database app application website plugin
    crud recursion recursive multithreaded async lambda config deploy deployment pipeline bash
    command shell terminal macro formula spreadsheet cluster query queries array arrays string
    variable variables loop extension scrape cron syntax error errors network client cache firewall`,
  codeLanguages: `python javascript typescript java c++ c# rust golang ruby php perl scala kotlin
    swift haskell solidity sql postgresql mysql mongodb html css react vue angular svelte django flask
    fastapi laravel symfony nodejs node.js express pytorch tensorflow keras pandas numpy matplotlib
    opencv kubernetes docker terraform ansible aws azure gcp linux ubuntu powershell bash vba vbs excel
    matlab julia fortran cobol verilog vhdl arduino unity godot unreal opengl webgl vulkan cuda webpack
    nginx apache kafka redis spark hadoop airflow git github .net asp.net spring hibernate jquery
    sketchup latex tikz graphql grpc cmake llvm wasm zig elixir erlang clojure lua "in r" "r code" "in c" "c code" "c program" dart flutter sklearn
    scikit-learn huggingface langchain selenium wordpress windows macos android ios wsdl ssh tls dns
    vlan svg prometheus promql grafana jenkins bazel nix blender unix js sap salesforce`,
  mathematics: `theorem proof prove lemma derivative integral integrate differentiate equation
    equations matrix matrices eigenvalue eigenvector vector polynomial probability variance
    covariance distribution bayesian regression hypothesis statistic statistics statistical calculate
    compute solve logarithm exponential trigonometry geometry algebra algebraic calculus modulo prime
    integer integers convex gradient optimization bijection isomorphism group ring field topology
    manifold fourier laplace stochastic markov combinatorial permutation permutations factorial
    asymptotic estimator likelihood entropy tensor quadratic velocity acceleration momentum voltage
    percent percentage ratio fraction`,
  /** Verbs and nouns that ask for reasoning rather than for recall. */
  reasoning: `analyze analyse analysis evaluate assess compare contrast critique justify derive deduce
    infer reason reasoning why design architect optimize optimise optimal optimized tradeoff
    trade-off trade-offs tradeoffs strategy strategies plan debug diagnose investigate
    demonstrate argue argument implications counterexample propose improve efficient efficiently
    performance complexity simulate model forecast predict estimate troubleshoot
    troubleshooting "pros and" "what if" "edge cases" "best way" "root cause" "explain how"
    "explain why"`,
  /** Words of a profession. A client that uses them expects an answer at its level. */
  expertise: `architecture protocol encryption cryptography kernel thread threads concurrency latency
    throughput distributed scalable blockchain contract neural transformer llm embeddings dataset
    inference quantum thermodynamics enzyme genome protein molecular clinical diagnosis pharmacology
    pathology jurisdiction statute liability tort fiduciary portfolio derivatives hedge volatility
    econometric macroeconomic equilibrium ontology epistemology hermeneutic syntax semantics phoneme
    circuit transistor semiconductor impedance turbine aerodynamics polymer catalyst stoichiometry
    compliance regulatory audit accounting depreciation amortization valuation seismic reactor
    spectroscopy microcontroller firmware authentication authorization oauth kinetics dosage
    constitutional jurisprudence monetary fiscal`,
  /** Words for conditions that the answer has to meet. */
  constraints: `must should only exactly never always cannot without except unless ensure required
    require requirements requirement constraint constraints avoid limit maximum minimum strictly
    "at least" "at most" "no more" "no less" "less than" "more than" "do not" "don't" "such that"
    "so that" "based on" "in order" "make sure" "as well" "instead of" "rather than" "given that"`,
  multiStep: `first firstly second secondly third then next finally afterwards subsequently step steps
    phase phases stage stages roadmap workflow tutorial walkthrough "step by" "followed by"
    "after that" "each of" "for each" "one by" "in detail" detailed thorough comprehensive`,
  /** Kinds of text that are usually long. */
  longForm: `essay article report thesis dissertation proposal whitepaper curriculum course syllabus
    chapter novel screenplay storyline campaign "business plan" "lesson plan" "case study"
    "literature review" "cover letter" documentation specification guide outline presentation`,
  structuredOutput: `json yaml xml csv markdown table schema columns rows template diagram uml mermaid
    graphviz ascii`,
  naturalLanguages: `translate translation english french german spanish portuguese italian dutch
    polish russian ukrainian chinese mandarin japanese korean arabic hebrew hindi turkish vietnamese
    swedish latin greek persian indonesian`,
  /** Verbs that ask for a new text or program. */
  creation: `write create build generate develop make craft prepare produce compose implement`,
  /** Pairs of words that ask how something is done. */
  howTo: `"how to" "how do" "how can" "how could" "how would" "how should" "show me" "is there"`,
  /** Words for small changes to a given text, for choices among given answers, and for short texts. */
  plainTask: `summarize summarise summary rewrite rephrase paraphrase classify categorize extract
    choose detect determine correct complete convert replace retrieve identify match synonym synonyms
    antonym antonyms spelling grammar sentiment tone fill blank hashtag emoji headline caption title
    motto slogan tagline greeting joke riddle rhyme haiku poem recipe tweet birthday invitation`,
  /** Words that ask for common knowledge. */
  recall: `recommend suggest name define definition meaning tips ideas sentence phrase phrases
    adjectives "tell me" "who is" "who was" "what is" "what's" "when did" "where is" "give me"
    "come up"`,
} as const;

export type LexiconFeature = keyof typeof words;

/** Enough common English words to distinguish English from text that the lexicon cannot judge. */
const commonEnglish =
  "the a an of to in is and or for on with you i my me it that this what how are be as by at from " +
  "have do can your if not we will which he she they was were has but so their his her its about " +
  "who when where why write give make use using would there";

/** The features for which a word, or a pair of words joined by one space, counts. */
export const lexicon: ReadonlyMap<string, readonly LexiconFeature[]> = lexiconOf(words);

export const commonEnglishWords: ReadonlySet<string> = new Set(commonEnglish.split(" "));

function lexiconOf(
  table: Readonly<Record<LexiconFeature, string>>,
): ReadonlyMap<string, readonly LexiconFeature[]> {
  const found = new Map<string, LexiconFeature[]>();
  for (const feature of lexiconFeatures(table))
    for (const [, pair, word] of table[feature].matchAll(/"([^"]+)"|(\S+)/g)) {
      const entry = pair ?? word ?? "";
      found.set(entry, [...(found.get(entry) ?? []), feature]);
    }
  return found;
}

function lexiconFeatures(table: object): readonly LexiconFeature[] {
  return Object.keys(table).filter((name): name is LexiconFeature => name in words);
}
