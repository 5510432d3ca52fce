using System;
using System.Net.Http;
using System.Text.Json;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Configuration;

namespace Consumer.Controllers
{
    [ApiController]
    [Route("api/[controller]")]
    public class DemoController : ControllerBase
    {
        private static readonly JsonSerializerOptions Json =
            new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

        private readonly IConfiguration configuration;
        private readonly IHttpClientFactory clients;

        public DemoController(IConfiguration configuration, IHttpClientFactory clients)
        {
            this.configuration = configuration;
            this.clients = clients;
        }

        [HttpGet]
        public async Task<IActionResult> Get()
        {
            var producer = configuration["URLS_PRODUCER"];
            if (string.IsNullOrEmpty(producer))
            {
                return Problem("The setting URLS_PRODUCER, the address of Producer, is missing.", statusCode: 500);
            }

            try
            {
                var answer = await clients.CreateClient().GetStringAsync(new Uri(new Uri(producer), "/api/demo"));
                return Ok(JsonSerializer.Deserialize<Product[]>(answer, Json));
            }
            catch (HttpRequestException error)
            {
                return Problem($"Producer at {producer} did not answer: {error.Message}", statusCode: 502);
            }
        }
    }
}
