import Foundation
import KingletErrors
import KingletTransformer
import Synchronization

@testable import KingletGeneration

/// A model whose next token is a function of all tokens before it, and which writes down what it is asked to do.
final class FakeModel: SequenceModel {
  enum Call: Equatable {
    case makeCache
    case forward(at: Int, count: Int)
    case truncate(to: Int)
    case free
  }

  final class Cache: SequenceCache {
    fileprivate(set) var tokens: [Int32] = []
    let model: FakeModel

    init(model: FakeModel) { self.model = model }

    func truncate(to count: Int) -> Int {
      model.write(.truncate(to: count))
      tokens = Array(tokens.prefix(model.resumable(count)))
      return tokens.count
    }

    func reserve(_ positions: Int) throws(KingletError) { try model.onReserve(tokens.count, positions) }

    deinit { model.write(.free) }
  }

  let vocabularySize: Int
  private let log = Mutex<[Call]>([])
  private let resumable: @Sendable (Int) -> Int
  private let onForward:
    @Sendable (_ cached: Int, _ tokens: [Int32], _ isCancelled: () -> Bool) throws(KingletError) -> Void
  private let onReserve: @Sendable (_ cached: Int, _ more: Int) throws(KingletError) -> Void
  private let onSpans: @Sendable (_ tokens: [Int]) -> Void
  private let next: @Sendable ([Int32]) -> [Float]

  init(
    vocabularySize: Int = 64,
    resumable: @escaping @Sendable (Int) -> Int = { $0 },
    onReserve: @escaping @Sendable (_ cached: Int, _ more: Int) throws(KingletError) -> Void = { _, _ in },
    onForward:
      @escaping @Sendable (_ cached: Int, _ tokens: [Int32], _ isCancelled: () -> Bool) throws(KingletError) -> Void = {
        _, _, _ in
      },
    onSpans: @escaping @Sendable (_ tokens: [Int]) -> Void = { _ in },
    next: (@Sendable ([Int32]) -> [Float])? = nil
  ) {
    self.vocabularySize = vocabularySize
    self.resumable = resumable
    self.onReserve = onReserve
    self.onForward = onForward
    self.onSpans = onSpans
    self.next = next ?? { hashedRow($0, vocabularySize: vocabularySize) }
  }

  /// Says `answer` after any prompt of `promptCount` tokens, and `last` when there is no more to say.
  static func saying(_ answer: [Int32], afterPromptOf promptCount: Int, last: Int32 = 0) -> FakeModel {
    FakeModel(next: { context in
      let index = context.count - promptCount
      return oneHot(answer.indices.contains(index) ? answer[index] : last, vocabularySize: 64)
    })
  }

  var calls: [Call] { log.withLock { $0 } }
  var forwardCalls: [Call] {
    calls.filter { if case .forward = $0 { true } else { false } }
  }
  private func write(_ call: Call) { log.withLock { $0.append(call) } }

  func makeCache(capacity: Int) throws(KingletError) -> Cache {
    write(.makeCache)
    return Cache(model: self)
  }

  func cacheByteCount(positions: Int) -> Int { positions }

  func forward(
    _ spans: [SequenceSpan<Cache>], isCancelled: () -> Bool, each body: (Int, SpanOutput) -> Void
  ) throws(KingletError) {
    onSpans(spans.map(\.tokens.count))
    for span in spans {
      write(.forward(at: span.cache.tokens.count, count: span.tokens.count))
      try onForward(span.cache.tokens.count, Array(span.tokens), isCancelled)
    }
    if isCancelled() { throw KingletError(.cancelled, "fake") }
    for (index, span) in spans.enumerated() {
      span.cache.tokens += span.tokens
      let row = next(span.cache.tokens)
      switch span.wanted {
      case .nothing: break
      case .mostLikely: body(index, .mostLikely(Int32(row.firstIndex(of: row.max() ?? 0) ?? 0)))
      case .logits: body(index, .logits(row))
      }
    }
  }
}

/// Random-looking logits that depend on every token of the context.
func hashedRow(_ context: [Int32], vocabularySize: Int) -> [Float] {
  var random = SplitMix64(seed: context.reduce(17) { ($0 &* 31) ^ UInt64(UInt32(bitPattern: $1)) &+ 7 })
  return (0..<vocabularySize).map { _ in Float(random.nextUnit()) * 8 - 4 }
}

func oneHot(_ token: Int32, vocabularySize: Int) -> [Float] {
  var row = [Float](repeating: 0, count: vocabularySize)
  row[Int(token)] = 10
  return row
}

/// Text of the tests' tokens: 1 is "a", 2 is "b", ... 26 is "z"; others are given as a table.
struct Letters: TextAssembler {
  var table: [Int32: String] = [:]
  var end = ""

  func append(_ token: Int32) -> String {
    table[token] ?? (1...26 ~= token ? String(UnicodeScalar(UInt8(96 + token))) : "<\(token)>")
  }

  func finish() -> String { end }
}

func letters(_ text: String) -> [Int32] { text.utf8.map { Int32($0) - 96 } }

/// Opens once; many may wait for it.
final class Gate: Sendable {
  private let state = Mutex(false)
  func open() { state.withLock { $0 = true } }
  var isOpen: Bool { state.withLock { $0 } }

  /// Blocks the thread: for the engine's only.
  func wait() {
    while !isOpen { usleep(200) }
  }

  func opened() async {
    while !isOpen { await Task.yield() }
  }
}
