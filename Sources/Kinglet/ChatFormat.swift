import KingletErrors
import KingletGGUF
import KingletTemplates
import KingletTokenizers

/// How a model wants to be talked to: its chat template, and the way from messages to tokens.
struct ChatFormat: Sendable {
  private static let templateKey = "tokenizer.chat_template"

  private let template: ChatTemplate
  private let tokenizer: Tokenizer
  private let controlTokens: ControlTokenGuard

  init(template: String, _ tokenizer: Tokenizer) throws(KingletError) {
    self.template = try ChatTemplate(template)
    self.tokenizer = tokenizer
    controlTokens = ControlTokenGuard(tokenizer)
  }

  /// The format of `template`, or else of the file's own. Without either, and with one that is broken, the result is an
  /// error, to be thrown where someone wants to chat: a model without template completes text all the same.
  static func load(
    template: String?, from file: GGUFFile, _ tokenizer: Tokenizer
  ) throws(KingletError) -> Result<ChatFormat, KingletError> {
    // The caller's own template is the caller's to repair, at once.
    if let template { return .success(try ChatFormat(template: template, tokenizer)) }
    let remedy =
      "Give one with `--template FILE` (the option `template:` of `LanguageModel.load`), or complete plain text."
    do throws(KingletError) {
      guard let template = try file.metadata.string(templateKey) else {
        throw KingletError(.template, "the model has no chat template", at: file.path, remedy: remedy)
      }
      return .success(try ChatFormat(template: template, tokenizer))
    } catch {
      return .failure(
        KingletError(error.code, error.message, at: error.location ?? file.path, remedy: error.remedy ?? remedy))
    }
  }

  /// The prompt that asks for the next message.
  ///
  /// Contents are text: see `ControlTokenGuard`. The template decides about the beginning-of-sequence token, as in the
  /// reference, except that a model which expects one before every text gets one.
  ///
  /// - Throws: `.template`, when the template refuses the conversation or fails.
  func prompt(for messages: [ChatMessage]) throws(KingletError) -> [Int32] {
    let ids = try controlTokens.encode(messages.map(\.content)) { (contents) throws(KingletError) in
      try template.render(
        messages: zip(messages, contents).map { .init(role: $0.role.rawValue, content: $1) },
        addGenerationPrompt: true, bosToken: spelling(of: tokenizer.special.bos),
        eosToken: spelling(of: tokenizer.special.eos))
    }
    if tokenizer.special.addsBOS, let bos = tokenizer.special.bos, ids.first != bos { return [bos] + ids }
    return ids
  }

  private func spelling(of token: Int32?) -> String { token.map(tokenizer.text) ?? "" }
}
