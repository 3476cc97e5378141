import KingletErrors
import KingletGeneration

/// The messages of a conversation, to be made into a prompt that fits the context.
struct Conversation {
  let instructions: String?
  let messages: [ChatMessage]

  /// The tokens of the prompt and how many tokens of older turns it leaves out.
  ///
  /// - Parameter start: the first message that was shown the last time. It moves only when the prompt no longer fits, and
  ///   then so far that there is room for the answer: if it moved a little each time, no prefix could be reused.
  func prompt(
    _ format: ChatFormat, context: Int, _ options: GenerationOptions, from start: inout Int
  ) throws(KingletError) -> (tokens: [Int32], droppedTokens: Int) {
    guard options.truncation == .dropOldestTurns else { return (try tokens(format, from: 0), 0) }
    let all = try tokens(format, from: 0)
    if all.count <= context {
      start = 0
      return (all, 0)
    }
    var shown = try tokens(format, from: start)
    if shown.count > context {
      (start, shown) = try shorten(
        format, to: context - GenerationRequest.answerRoom(context: context, options: options))
    }
    // If even the last question is too long, the engine says so.
    return (shown, all.count - shown.count)
  }

  private func tokens(_ format: ChatFormat, from start: Int) throws(KingletError) -> [Int32] {
    try format.prompt(for: (instructions.map { [.system($0)] } ?? []) + messages[start...])
  }

  /// The first question from which on the conversation has at most `limit` tokens, or else the last question.
  private func shorten(_ format: ChatFormat, to limit: Int) throws(KingletError) -> (start: Int, tokens: [Int32]) {
    let questions = messages.indices.filter { messages[$0].role == .user }
    // Fewer turns never have more tokens: bisection renders a long conversation a few times, not once for each turn.
    var (low, high) = (0, questions.count - 1)
    while low < high {
      let middle = low + (high - low) / 2
      if try tokens(format, from: questions[middle]).count <= limit { high = middle } else { low = middle + 1 }
    }
    return (questions[low], try tokens(format, from: questions[low]))
  }
}
