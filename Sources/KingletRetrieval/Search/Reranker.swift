import Foundation
import Kinglet
import KingletErrors

/// Who looks at the hits once more.
public enum Reranker: Sendable {
  /// A model made for it, which reads query and passage together.
  case crossEncoder(EmbeddingModel)
  /// A chat model that is asked whether the passage answers the query: the odds of "yes" against "no". The
  /// models of the catalogue are too small for it: they say no to nearly everything, and order worse than the search.
  case likelihood(LanguageModel)
}

extension KnowledgeBase {
  /// Orders hits anew by how well they answer the query.
  ///
  /// - Throws: what the model throws: `.unsupported` for an embedding model without a ranking head.
  public func rerank(
    _ hits: [SearchHit], for query: String, by reranker: Reranker, progress: (Double) -> Void = { _ in }
  ) async throws(KingletError) -> [SearchHit] {
    var scores: [Float] = []
    switch reranker {
    case .crossEncoder(let model):
      scores = try await model.rank(hits.map(\.chunk.text), for: query, overflow: .truncate)
    case .likelihood(let model):
      for hit in hits {
        scores.append(try await Self.odds(of: hit.chunk.text, for: query, model))
        progress(Double(scores.count) / Double(hits.count))
      }
    }
    var reranked = hits
    for (index, score) in scores.enumerated() { (reranked[index].rerankScore, reranked[index].score) = (score, score) }
    // Stable: of equals the one that was better before.
    return reranked.enumerated().sorted {
      let (first, second) = ($0.element.rerankScore ?? -.infinity, $1.element.rerankScore ?? -.infinity)
      return first > second || first == second && $0.offset < $1.offset
    }.map(\.element)
  }

  private static func odds(
    of passage: String, for query: String, _ model: LanguageModel
  ) async throws(KingletError) -> Float {
    // Cut by characters: four of them are about a token, and a passage is not worth a context.
    let prompt =
      "Passage:\n\(passage.prefix(2000))\n\nQuestion: \(query)\n\nDoes the passage answer the question? Say yes or no."
    let options = GenerationOptions(maxTokens: 1, ignoresEndOfGeneration: true, logProbabilities: 40)
    let reply = try await ChatSession(model, options: options).respond(prompt)
    var (yes, no) = (-20.0, -20.0)
    guard let first = reply.logProbabilities.first else { return 0 }
    for candidate in first.best {
      let text = model.tokenizer.decode([candidate.token]).lowercased().filter { $0.isLetter }
      if text == "yes" { yes = max(yes, Double(candidate.logProbability)) }
      if text == "no" { no = max(no, Double(candidate.logProbability)) }
    }
    return Float(yes - no)
  }
}
