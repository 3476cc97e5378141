import KingletErrors
import KingletTransformer

/// One request at work: says which tokens run next, samples, watches for the end, sends what is certain.
struct GenerationRun {
  private let request: GenerationRequest
  private let channel: GenerationChannel
  private let contextLength: Int
  private let clock = ContinuousClock()
  private var sampler: Sampler
  private var stops: StopMatcher
  private var text: any TextAssembler
  private var usage = GenerationUsage()
  private var timing = GenerationTiming()
  private var start: ContinuousClock.Instant
  /// When the prompt had been processed.
  private var decodeStart: ContinuousClock.Instant?
  private var steps = 0
  /// The token that has been chosen and not run yet.
  private var pending: Int32?
  /// Generated since the last delta.
  private var unsent: [SampledToken] = []

  init(
    _ request: GenerationRequest, channel: GenerationChannel, vocabularySize: Int, contextLength: Int,
    loadSeconds: Double
  ) throws(KingletError) {
    self.request = try request.fitted(toContext: contextLength, vocabularySize: vocabularySize)
    adapters = self.request.options.adapters.map { [prompt = self.request.prompt] in $0.starting(in: prompt) }
    self.channel = channel
    self.contextLength = contextLength
    sampler = try Sampler(request.options.sampling, logProbabilities: request.options.logProbabilities)
    stops = try StopMatcher(request.options.stopStrings)
    text = request.text
    start = clock.now
    usage.promptTokens = self.request.prompt.count
    usage.droppedTokens = self.request.droppedTokens
    timing.load = loadSeconds
    timing.queue = seconds(since: channel.start)
  }

  var prompt: [Int32] { request.prompt }
  let adapters: [AppliedAdapter]

  /// The most positions it can come to fill.
  var longestLength: Int {
    let (length, overflow) = prompt.count.addingReportingOverflow(request.options.maxTokens ?? contextLength)
    return overflow ? contextLength : min(contextLength, length)
  }

  /// Notes that the work begins, with so many tokens of the prompt remembered.
  mutating func begin(reusing count: Int) {
    usage.reusedTokens = count
    start = clock.now
  }

  func isPrefilling(after count: Int) -> Bool { count < prompt.count }

  /// What runs next after `count` tokens: some of the prompt, at most `limit`, or the token that was chosen last.
  func next(after count: Int, limit: Int) -> ArraySlice<Int32> {
    isPrefilling(after: count) ? prompt[count..<min(prompt.count, count + limit)] : pending.map { [$0] } ?? []
  }

  /// What must be known of the last token that runs next, `count` tokens being remembered then.
  func wanted(after count: Int) -> WantedOutput {
    if isPrefilling(after: count) || request.options.maxTokens == 0 { return .nothing }
    return sampler.needsOnlyLargest ? .mostLikely : .logits
  }

  /// Goes on when `tokens`, the prompt at least, have run: chooses the next token, unless this is the end.
  mutating func advance(with output: SpanOutput?, after tokens: [Int32]) -> FinishReason? {
    if decodeStart == nil {
      timing.prefill = seconds(since: start)
      timing.prefillTokensPerSecond = rate(usage.promptTokens - usage.reusedTokens, in: timing.prefill)
      decodeStart = clock.now
    } else {
      steps += 1
    }
    guard let output else { return .length }
    let token =
      switch output {
      case .mostLikely(let id): SampledToken(id: id, logProbability: nil)
      case .logits(var row): sampler.next(&row, after: tokens)
      }
    if usage.generatedTokens == 0 { timing.firstToken = seconds(since: channel.start) }
    if isLast(token.id) { return .stopToken }
    usage.generatedTokens += 1
    unsent.append(token)
    send(stops.append(text.append(token.id)))
    if stops.hasMatched { return .stopString }
    if usage.generatedTokens == request.options.maxTokens { return .length }
    if tokens.count >= contextLength { return .contextFull }
    pending = token.id
    return nil
  }

  /// Sends the last delta.
  mutating func finish(_ reason: FinishReason) {
    if let decodeStart {
      timing.decode = seconds(since: decodeStart)
      timing.decodeTokensPerSecond = rate(steps, in: timing.decode)
    }
    let rest = stops.append(text.finish()) + stops.finish()
    let summary = GenerationSummary(finishReason: reason, usage: usage, timing: timing, seed: sampler.seed)
    channel.finish(takeDelta(rest, summary: summary))
  }

  private func isLast(_ token: Int32) -> Bool {
    request.options.stopTokens.contains(token)
      || !request.options.ignoresEndOfGeneration && request.endOfGeneration.contains(token)
  }

  private mutating func send(_ text: String) {
    if !text.isEmpty { channel.send(takeDelta(text)) }
  }

  private mutating func takeDelta(_ text: String, summary: GenerationSummary? = nil) -> GenerationDelta {
    defer { unsent = [] }
    return GenerationDelta(
      text: text, tokens: unsent.map(\.id), logProbabilities: unsent.compactMap(\.logProbability), summary: summary)
  }

  private func seconds(since start: ContinuousClock.Instant) -> Double { start.duration(to: clock.now) / .seconds(1) }

  private func rate(_ count: Int, in seconds: Double) -> Double { seconds > 0 ? Double(count) / seconds : 0 }
}
