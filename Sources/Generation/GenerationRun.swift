import KingletErrors

/// One request at work: samples, watches for the end, sends what is certain, runs the next step.
struct GenerationRun<Model: SequenceModel> {
  private let request: GenerationRequest
  private let channel: GenerationChannel
  private let model: Model
  private let contextLength: Int
  private let clock = ContinuousClock()
  private var sampler: Sampler
  private var stops: StopMatcher
  private var text: any TextAssembler
  private var usage = GenerationUsage()
  private var timing = GenerationTiming()
  private var steps = 0
  /// Generated since the last delta.
  private var unsent: [SampledToken] = []

  init(
    _ request: GenerationRequest, channel: GenerationChannel, model: Model, contextLength: Int, loadSeconds: Double
  ) throws(KingletError) {
    self.request = try request.fitted(toContext: contextLength, vocabularySize: model.vocabularySize)
    self.channel = channel
    self.model = model
    self.contextLength = contextLength
    sampler = try Sampler(request.options.sampling, logProbabilities: request.options.logProbabilities)
    stops = try StopMatcher(request.options.stopStrings)
    text = request.text
    usage.promptTokens = self.request.prompt.count
    usage.droppedTokens = self.request.droppedTokens
    timing.load = loadSeconds
    timing.queue = seconds(since: channel.start)
  }

  /// Runs to the end and sends the last delta. `output` is scratch.
  mutating func run(_ sequence: inout CachedSequence<Model>, output: inout StepOutput) throws(KingletError) {
    output.wantsOnlyLargest = sampler.needsOnlyLargest
    let reason: FinishReason
    do {
      try prefill(&sequence, output: &output)
      reason = try decode(&sequence, output: &output)
    } catch {
      // The model stops when the reader cancels: no failure, but the end that was asked for.
      guard error.code == .cancelled, channel.isCancelled else { throw error }
      reason = .cancelled
    }
    finish(reason)
  }

  private mutating func prefill(_ sequence: inout CachedSequence<Model>, output: inout StepOutput) throws(KingletError)
  {
    let start = clock.now
    usage.reusedTokens = sequence.resume(for: request.prompt)
    try sequence.prefill(request.prompt, with: model, output: &output) { channel.isCancelled }
    timing.prefill = seconds(since: start)
    timing.prefillTokensPerSecond = rate(usage.promptTokens - usage.reusedTokens, in: timing.prefill)
  }

  private mutating func decode(
    _ sequence: inout CachedSequence<Model>, output: inout StepOutput
  ) throws(KingletError) -> FinishReason {
    let start = clock.now
    defer {
      timing.decode = seconds(since: start)
      timing.decodeTokensPerSecond = rate(steps, in: timing.decode)
    }
    let limit = request.options.maxTokens ?? .max
    while usage.generatedTokens < limit {
      if channel.isCancelled { return .cancelled }
      // All tokens so far are in the sequence at this point: the prompt, and each one generated.
      let token =
        output.wantsOnlyLargest
        ? SampledToken(id: output.largest, logProbability: nil)
        : sampler.next(&output.logits, after: sequence.tokens)
      if steps == 0 { timing.firstToken = seconds(since: channel.start) }
      if isLast(token.id) { return .stopToken }
      usage.generatedTokens += 1
      unsent.append(token)
      send(stops.append(text.append(token.id)))
      if stops.hasMatched { return .stopString }
      if usage.generatedTokens == limit { return .length }
      if sequence.tokens.count >= contextLength { return .contextFull }
      try sequence.append(token.id, with: model, output: &output) { channel.isCancelled }
      steps += 1
    }
    return .length
  }

  private func isLast(_ token: Int32) -> Bool {
    request.options.stopTokens.contains(token)
      || !request.options.ignoresEndOfGeneration && request.endOfGeneration.contains(token)
  }

  private mutating func send(_ text: String) {
    if !text.isEmpty { channel.send(takeDelta(text)) }
  }

  private mutating func finish(_ reason: FinishReason) {
    let rest = stops.append(text.finish()) + stops.finish()
    let summary = GenerationSummary(finishReason: reason, usage: usage, timing: timing, seed: sampler.seed)
    channel.finish(takeDelta(rest, summary: summary))
  }

  private mutating func takeDelta(_ text: String, summary: GenerationSummary? = nil) -> GenerationDelta {
    defer { unsent = [] }
    return GenerationDelta(
      text: text, tokens: unsent.map(\.id), logProbabilities: unsent.compactMap(\.logProbability), summary: summary)
  }

  private func seconds(since start: ContinuousClock.Instant) -> Double { start.duration(to: clock.now) / .seconds(1) }

  private func rate(_ count: Int, in seconds: Double) -> Double { seconds > 0 ? Double(count) / seconds : 0 }
}
