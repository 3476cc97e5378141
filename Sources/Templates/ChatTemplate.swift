import KingletErrors

/// The chat template of a model: turns a conversation into the text that the model was trained to continue.
///
/// ```swift
/// let template = try ChatTemplate(source)
/// let prompt = try template.render(
///   messages: [ChatMessage(role: "user", content: "What is a kinglet?")], bosToken: "<s>", eosToken: "</s>")
/// ```
public struct ChatTemplate: Sendable {
  private let template: Template

  /// Compiles `source`, which models carry as `tokenizer.chat_template`.
  ///
  /// - Throws: `.template`, located at the line.
  public init(_ source: String, limits: TemplateLimits = .default) throws(KingletError) {
    template = try Template(source, limits: limits)
  }

  /// The prompt for `messages`.
  ///
  /// - Parameters:
  ///   - messages: the conversation, oldest first.
  ///   - tools: what the model may call, each as the JSON schema that OpenAI's interface made common; none by default.
  ///   - documents: texts to answer from, for templates that know of such.
  ///   - addGenerationPrompt: whether to end with the opening of an answer.
  ///   - bosToken: how the vocabulary spells its beginning-of-text token; many templates print it.
  ///   - eosToken: the same for end of text.
  ///   - variables: anything else the template asks for, such as `enable_thinking`; wins over all of the above.
  ///   - limits: what the rendering may consume.
  ///   - clock: the time for templates that print the date.
  /// - Throws: `.template`, located at the line; where the template itself refuses the conversation, the message is its
  ///   own text.
  public func render(
    messages: [ChatMessage], tools: [JinjaValue]? = nil, documents: [JinjaValue]? = nil,
    addGenerationPrompt: Bool = true, bosToken: String = "", eosToken: String = "",
    variables: [String: JinjaValue] = [:], limits: TemplateLimits = .default, clock: TemplateClock = .system
  ) throws(KingletError) -> String {
    let standard: [String: JinjaValue] = [
      "messages": .array(JinjaArray(messages.map(\.value))),
      "tools": tools.map { .array(JinjaArray($0)) } ?? .none,
      "documents": documents.map { .array(JinjaArray($0)) } ?? .none,
      "add_generation_prompt": .bool(addGenerationPrompt),
      "bos_token": .string(bosToken),
      "eos_token": .string(eosToken),
    ]
    return try template.render(standard.merging(variables) { _, given in given }, limits: limits, clock: clock)
  }
}
