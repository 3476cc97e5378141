import Kinglet
import KingletDocuments

/// How questions are answered.
public struct AnswerOptions: Sendable, Equatable {
  /// How passages are looked for; `top` is how many may come into the context.
  public var search: SearchOptions
  /// The most tokens of passages in the prompt.
  public var contextTokens: Int
  /// The cosine that the best passage must reach; below, the answer says that nothing was found.
  public var threshold: Float
  /// The support from which on a sentence counts as grounded in a passage.
  public var support: Float
  public var generation: GenerationOptions

  public init(
    search: SearchOptions = .init(top: 8), contextTokens: Int = 1000, threshold: Float = 0.35, support: Float = 0.5,
    generation: GenerationOptions = .init(maxTokens: 300)
  ) {
    self.search = search
    self.contextTokens = contextTokens
    self.threshold = threshold
    self.support = support
    self.generation = generation
  }
}

/// An answer, and what each of its sentences rests on.
public struct Answer: Sendable, Equatable, Codable {
  /// As it was asked, and as it was looked for: a follow-up question with what it refers to.
  public var question: String
  public var standaloneQuestion: String
  /// What the model wrote, each sentence followed by the numbers of the passages that support it. Numbers that the model
  /// wrote itself are only hints, and are not in it.
  public var text: String
  public var sentences: [AnswerSentence]
  /// The passages that support a sentence, by their numbers.
  public var citations: [Citation]
  /// What was found and not shown to the model, or shown and not cited, and why.
  public var leftOut: [LeftOut]
  /// Whether nothing relevant was found, so that no model was asked.
  public var isAbstention: Bool
  /// Whether every sentence has support.
  public var isSupported: Bool { !isAbstention && sentences.allSatisfy { !$0.citations.isEmpty } }
}

/// A sentence of an answer.
public struct AnswerSentence: Sendable, Equatable, Codable {
  public var text: String
  /// Numbers of citations; none where nothing supports the sentence.
  public var citations: [Int]
  /// Of the best passage, from 0 to 1.
  public var support: Float
}

/// A passage that supports an answer.
public struct Citation: Sendable, Equatable, Codable {
  public var number: Int
  /// The path of the file.
  public var document: String
  public var title: String?
  public var heading: [String]
  /// Where the quote is: bytes of the document's text, first and past the last, and lines.
  public var bytes: [Int]
  public var lines: [Int]
  public var pages: [Int]?
  public var row: Int?
  public var pointer: String?
  public var element: String?
  public var identifier: String?
  /// Whether bytes and lines hold in the file itself.
  public var matchesFile: Bool
  /// The sentence of the passage that supports most, word for word.
  public var quote: String
  /// The support that it gives.
  public var score: Float
}

/// A passage that was found and did not come into the answer.
public struct LeftOut: Sendable, Equatable, Codable {
  public var document: String
  public var lines: [Int]
  public var reason: String
}
